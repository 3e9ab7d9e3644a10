"""How drf-spectacular writes the OpenAPI document. None of it is an operator's to choose."""

SPECTACULAR_SETTINGS = {
    "TITLE": "Till",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "persistAuthorization": True, "validatorUrl": None},
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "PREPROCESSING_HOOKS": ["config.openapi.hooks.leave_out_legacy"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.openapi.hooks.name_null_plainly",
        "config.openapi.hooks.separate_previews",
        "config.openapi.events.add_events",
        "config.openapi.hooks.add_what_is_not_an_operation",
        "config.openapi.hooks.forget_read_only",
        "config.openapi.hooks.name_integer_formats",
        "config.openapi.hooks.name_deep_objects",
    ],
    "DISABLE_DOCSTRING_DESCRIPTIONS": True,  # docstrings are for us; what readers of the API get is written as such
    # Of both documents: drf-spectacular reads them once for each process, whichever document comes first.
    "ENUM_NAME_OVERRIDES": {
        "OldStatusEnum": ["pending", "paid", "reject", "cancelled"],
        "OldSettlementEnum": ["paid", "reject", "rejected"],
        "OrderStatusEnum": "payments.models.OrderStatus",
        "SettlementEnum": ["paid", "rejected"],
        "ExternalWalletKindEnum": "payments.models.ExternalWallet.Kind",
        "TransactionKindEnum": "payments.models.Transaction.Kind",
    },
}
