"""Who is asked by which name: every page but those for machines beside us insists on TILL_ALLOWED_HOSTS."""

from django.http import HttpRequest, HttpResponsePermanentRedirect
from django.middleware.common import CommonMiddleware

#: Orchestrators and Prometheus come by a container's own address, and these answers hold no link made from the host.
FOR_ANY_HOST = {"/health/live", "/health/ready", "/metrics"}


class HostMiddleware(CommonMiddleware):
    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        if request.path_info in FOR_ANY_HOST:
            return None
        return super().process_request(request)
