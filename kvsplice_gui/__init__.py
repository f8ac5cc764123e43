"""The window: see, tune and prove the compression of KV caches."""
