"""What holds for every store, and needs more than the public conformance class may ask for: hypothesis."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regtrain_registry.testing import StoreCase, StoreConformance
from regtrain_registry.testing.store_case import sha256
from regtrain_registry.testing.tensor_files import KB, MB, noise, tensor_file

SHARED = (HealthCheck.function_scoped_fixture, HealthCheck.differing_executors, HealthCheck.data_too_large)


class AnyFilesConformance(StoreConformance):
    """The public class, and any files."""

    @given(data=st.data())
    @settings(max_examples=12, suppress_health_check=SHARED)
    def test_any_files_come_back_byte_for_byte(self, case: StoreCase, data: st.DataObject) -> None:
        """Whatever they share, linked or copied, in any order of tensors and sizes around the limits."""
        sizes = st.sampled_from([0, 3, 64 * KB - 1, 64 * KB, 64 * KB + 5, MB - 1, MB, 2 * MB])
        pool = [noise(f"{n}", data.draw(sizes)) for n in range(6)]
        chosen = st.lists(st.integers(0, 5), min_size=1, max_size=6)
        for _ in range(3):
            content = tensor_file({f"t{n}": pool[which] for n, which in enumerate(data.draw(chosen))})
            stored = case.put(content, link=data.draw(st.booleans()))
            assert stored.blob.digest == sha256(content)
            assert case.fetched(stored.blob) == content
            assert not [name for name in case.files.names() if not name.startswith("sha256/")]
