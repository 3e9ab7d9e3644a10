"""What becomes of an attempt. Plain Python."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class AttemptOutcome:
    """What became of one attempt. `error` is empty when there was an answer."""

    seconds: float
    status_code: int | None = None
    error: str = ""
    answer: str = ""
    retry_after: timedelta | None = None

    @property
    def is_success(self) -> bool:
        return self.status_code is not None and 200 <= self.status_code < 300
