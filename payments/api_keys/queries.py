"""What the list of API keys can be asked."""

from api.filters import FilterSet, IdFilter


class ApiKeyFilters(FilterSet):
    user = IdFilter(field_name="user_id", label="Only the keys of this service.")
