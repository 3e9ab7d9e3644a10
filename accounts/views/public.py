"""What views for strangers share."""

from typing import ClassVar

from rest_framework.permissions import AllowAny
from rest_framework.views import APIView

from accounts.throttling import WindowThrottle


class PublicView(APIView):
    """For callers who have no token yet; a stale one in the header does not stand in their way."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (WindowThrottle,)
    throttle_scope: ClassVar[str]
