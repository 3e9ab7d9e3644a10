"""The shop window: products for everybody who has signed in, changed by admins only."""

from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.permissions import IsAdmin, IsNotService
from accounts.viewsets import StrictWrites
from api import etags
from api.path_parameters import ID, ID_PATTERN
from api.validation import refuse_members
from catalog import services
from catalog.models import Product
from catalog.queries import filters, products
from catalog.serializers import examples
from catalog.serializers.products import ProductSerializer, ProductWriteSerializer


def _change(operation_id: str, summary: str, description: str, **schema: Any) -> Any:
    """What the three operations on one product share."""
    return extend_schema(
        operation_id=operation_id, summary=summary, description=description,
        parameters=[ID, etags.IF_MATCH, etags.ETAG], **schema,
    )  # fmt: skip


@extend_schema(tags=["products"], responses=ProductSerializer)
@extend_schema_view(
    list=extend_schema(
        operation_id="products_list",
        summary="What is on sale",
        description="Admins see archived products too.",
        responses=ProductSerializer(many=True),
        examples=examples.PRODUCT,
    ),
    retrieve=extend_schema(
        operation_id="products_retrieve",
        summary="One product",
        description="With its version in `ETag`: send it in `If-None-Match`, and an unchanged product is 304.",
        parameters=[ID, etags.IF_NONE_MATCH, etags.ETAG],
        responses={200: ProductSerializer, 304: etags.NOT_MODIFIED},
        examples=examples.PRODUCT,
    ),
    create=extend_schema(
        operation_id="products_create",
        summary="Add a product (admin)",
        description="Its currency must be in use. The answer's `ETag` is its version.",
        parameters=[etags.ETAG],
        request=ProductWriteSerializer,
        responses={201: ProductSerializer},
        examples=examples.PRODUCT_CREATED,
    ),
    update=_change(
        "products_replace",
        "Replace a product (admin)",
        "What is left out takes its default; the currency stays.",
        request=ProductWriteSerializer,
        responses={200: ProductSerializer, 412: etags.STALE},
        examples=examples.PRODUCT_REPLACED,
    ),
    partial_update=_change(
        "products_change",
        "Change a product (admin)",
        "What is left out stays as it is.",
        request=ProductWriteSerializer(partial=True),
        responses={200: ProductSerializer, 412: etags.STALE},
        examples=examples.PRODUCT_CHANGED,
    ),
    destroy=_change(
        "products_delete",
        "Delete or archive a product (admin)",
        "One that was never sold is gone; one that was sold is archived, and admins still see it.",
        responses={204: None, 412: etags.STALE},
    ),
)
class ProductViewSet(StrictWrites, GenericViewSet[Product]):
    lookup_value_regex = ID_PATTERN
    queryset = Product.objects.none()
    serializer_class = ProductSerializer
    ordering = products.DEFAULT_ORDERING

    @property
    def filterset_class(self) -> type[Any]:
        return filters.StaffProductFilters if self.for_staff else filters.ProductFilters

    def get_permissions(self) -> list[BasePermission]:
        reads = self.action in ("list", "retrieve", "metadata")
        return [IsNotService()] if reads else [IsAdmin()]

    def get_queryset(self) -> QuerySet[Product]:
        return products.visible_to(self.user)

    def list(self, request: Request) -> Response:
        queryset = self.filter_queryset(self.get_queryset())
        queryset, self.ordering = products.sorted_by(queryset, filters.requested_ordering(request.query_params))
        page = self.paginate_queryset(queryset)
        return self.get_paginated_response(ProductSerializer(page, many=True).data)

    def retrieve(self, request: Request, pk: str) -> Response:
        product = self.filter_queryset(self.get_queryset()).get(pk=pk)
        return etags.unless_current(request, ProductSerializer(product).data, str(product.version))

    def create(self, request: Request) -> Response:
        return _product_response(services.create_product(by=self.user, **_fields(request)), status.HTTP_201_CREATED)

    def update(self, request: Request, pk: str) -> Response:
        return self._change(request, pk, partial=False)

    def partial_update(self, request: Request, pk: str) -> Response:
        return self._change(request, pk, partial=True)

    def _change(self, request: Request, pk: str, *, partial: bool) -> Response:
        versions = etags.expected_versions(request)
        fields = _fields(request, partial=partial)
        return _product_response(
            services.change_product(product_id=int(pk), if_version=versions, by=self.user, **fields)
        )

    def destroy(self, request: Request, pk: str) -> Response:
        refuse_members(request)
        versions = etags.expected_versions(request)
        services.delete_product(product_id=int(pk), if_version=versions, by=self.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _fields(request: Request, *, partial: bool = False) -> services.ProductFields:
    """Return what the body sets; other keys (id, version, …) are refused."""
    shape = ProductWriteSerializer(data=request.data, partial=partial)
    shape.is_valid(raise_exception=True)
    return cast("services.ProductFields", shape.validated_data)


def _product_response(product: Product, code: int = status.HTTP_200_OK) -> Response:
    return etags.versioned(ProductSerializer(product).data, str(product.version), code)
