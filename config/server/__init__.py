"""How Till is served: worker, HTTP protocol, webhook endpoint, threads, request log, metrics, health."""
