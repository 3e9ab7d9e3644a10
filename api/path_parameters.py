"""Parameters in the paths of the API."""

from drf_spectacular.utils import OpenApiParameter

ID_PATTERN = "[1-9][0-9]{0,18}"
ID = OpenApiParameter("id", int, OpenApiParameter.PATH)
