"""Any number of rows as a CSV file, made while it is sent."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

from django.http import StreamingHttpResponse

from api.csv_rows import csv_chunks
from api.export_slots import ExportPlace

#: Each chunk that is sent costs as much as a hundred lines; it has to be sent before the next is made.
LINES_AT_ONCE = 200


CsvRows = Iterable[Sequence[object]]


def csv_response(rows: Callable[[], CsvRows], *, name: str, user_id: int) -> StreamingHttpResponse:
    """Send the rows to the user. They are read while they are sent, in one transaction, and `rows` is called in it.

    Raises TooManyExports, before anything is read.
    """
    place = ExportPlace(user_id=user_id)
    try:
        read_rows = rows()
    except BaseException:
        place.close()
        raise
    return StreamingHttpResponse(
        _Chunks(read_rows, place),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


class _Chunks:
    """Chunks that Django closes even if they are never sent. A generator that never began would not clean up."""

    def __init__(self, rows: CsvRows, place: ExportPlace) -> None:
        self._chunks: Generator[str] = csv_chunks(rows, lines=LINES_AT_ONCE)
        self._place = place

    def __iter__(self) -> Iterator[str]:
        yield from self._chunks
        self.close()

    def close(self) -> None:
        self._chunks.close()
        self._place.close()
