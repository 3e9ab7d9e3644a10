"""The header `Location` of what was created: where it is read."""

import json
from typing import Any, Final

from rest_framework import status
from rest_framework.request import Request

#: How the answers of the event loop begin.
_BEGINNING: Final = '{"id":'


class Located:
    """For views whose POST creates something: a 201 says where it is read. Stands before the APIView.

    `location` is filled with the members of the answer, and with the `path` of the request.
    """

    location = "{path}/{id}"

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        if response.status_code == status.HTTP_201_CREATED:
            # The stored answer to an earlier request is text.
            members = response.data if hasattr(response, "data") else json.loads(response.content)
            response.headers["Location"] = self.location.format_map({**members, "path": request.path})
        return super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]  # the APIView's


def location_of(path: str, body: str) -> str | None:
    """Return the Location of the answer `body` to a POST to this path; None: it does not begin with an id."""
    created = body.removeprefix(_BEGINNING).partition(",")[0]
    return f"{path}/{created}" if created.isdecimal() else None
