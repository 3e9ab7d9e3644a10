"""Commission rules: staff make them and end them."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.permissions import IsAdmin
from accounts.viewsets import StrictWrites
from api import etags
from api.path_parameters import ID, ID_PATTERN
from api.validation import checked, refuse_members
from payments.commission import examples, queries, rules, serializers
from payments.commission.models import CommissionRule


@extend_schema(tags=["commission-rules"], examples=examples.RULE)
@extend_schema_view(
    list=extend_schema(
        operation_id="commission_rules_list",
        summary="Commission rules (admin)",
        description="Newest first: those in force, those to come and those that ended.",
    ),
    retrieve=extend_schema(
        operation_id="commission_rules_retrieve",
        summary="One commission rule (admin)",
        description="Also one that has ended.",
        parameters=[ID, etags.IF_NONE_MATCH, etags.ETAG],
        responses={200: serializers.CommissionRuleSerializer, 304: etags.NOT_MODIFIED},
    ),
)
class CommissionRuleViewSet(StrictWrites, ListModelMixin, GenericViewSet[CommissionRule]):
    lookup_value_regex = ID_PATTERN
    permission_classes = (IsAdmin,)
    queryset = queries.commission_rules()
    serializer_class = serializers.CommissionRuleSerializer
    filterset_class = queries.CommissionRuleFilters

    def retrieve(self, request: Request, pk: str) -> Response:  # noqa: ARG002  # the address names it
        rule = self.get_object()
        return etags.unless_current(request, serializers.CommissionRuleSerializer(rule).data, rules.rule_version(rule))

    @extend_schema(
        operation_id="commission_rules_create",
        summary="Make a commission rule (admin)",
        description=(
            "The commission on an operation in a currency: `percent` of the amount plus `fixed`, at least `minimum`, at"
            " most `maximum`, rounded up to the decimals of the currency, and never more than the amount. An order"
            " keeps the commission of the moment when it was made. Two rules of one operation and currency never hold"
            " at one time: 409 `commission_rule_overlap` names the one in the way."
        ),
        parameters=[etags.ETAG],
        request=serializers.CommissionRuleWriteSerializer,
        responses={201: serializers.CommissionRuleSerializer, 409: examples.RULE_OVERLAP},
        examples=examples.RULE_MADE,
    )
    def create(self, request: Request) -> Response:
        data = checked(serializers.CommissionRuleWriteSerializer, request)
        return _rule_response(rules.make_rule(staff=self.user, **data), status.HTTP_201_CREATED)

    @extend_schema(
        operation_id="commission_rules_end",
        summary="End a commission rule (admin)",
        description="Or let it go on, with null. Nothing else of a rule changes, and nothing in the past.",
        parameters=[ID, etags.IF_MATCH, etags.ETAG],
        request=serializers.CommissionRuleEndSerializer,
        responses={200: serializers.CommissionRuleSerializer, 409: examples.RULE_OVERLAP, 412: etags.STALE},
        examples=examples.RULE_ENDED,
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        data = checked(serializers.CommissionRuleEndSerializer, request)
        versions = etags.expected_versions(request)
        return _rule_response(rules.end_rule(rule_id=int(pk), staff=self.user, if_version=versions, **data))

    @extend_schema(
        operation_id="commission_rules_delete",
        summary="Delete a commission rule that was never applied (admin)",
        description="One that was applied is 409 `commission_rule_in_use`: end it.",
        parameters=[ID, etags.IF_MATCH],
        responses={204: None, 409: examples.RULE_IN_USE, 412: etags.STALE},
    )
    def destroy(self, request: Request, pk: str) -> Response:
        refuse_members(request)
        rules.delete_rule(rule_id=int(pk), staff=self.user, if_version=etags.expected_versions(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _rule_response(rule: CommissionRule, code: int = status.HTTP_200_OK) -> Response:
    return etags.versioned(serializers.CommissionRuleSerializer(rule).data, rules.rule_version(rule), code)
