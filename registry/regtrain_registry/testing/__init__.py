"""Conformance classes for authors of stores: inherit one, give it your store, run pytest.

```python
import pytest
from regtrain_registry.testing import StoreConformance

class TestBox(StoreConformance):
    @pytest.fixture
    def store(self, tmp_path):
        return BoxStore(f"box://{tmp_path.name}")
```

pytest is imported here and nowhere else in regtrain_registry.
"""

import pytest

pytest.register_assert_rewrite(f"{__name__}.stores")

from regtrain_registry.testing.store_case import Files, StoreCase  # noqa: E402
from regtrain_registry.testing.stores import StoreConformance  # noqa: E402

__all__ = ["Files", "StoreCase", "StoreConformance"]
