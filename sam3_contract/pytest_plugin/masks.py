"""An assertion about masks that leaves a picture of the difference."""

from __future__ import annotations

from pathlib import Path

from sam3_contract.testing import assert_masks_equal

__all__ = ["MaskAssertion"]


class MaskAssertion:
    """Asserts that two masks show the same, and saves a picture if they do not.

    Args:
        folder: Where to; made if need be.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._calls = 0

    def __call__(
        self,
        expected: object,
        actual: object,
        *,
        iou: float = 1.0,
        image_size: tuple[int, int] | None = None,
        holes_matter: bool = True,
    ) -> None:
        """Assert that two masks show the same; arguments as of :func:`sam3_contract.testing.assert_masks_equal`.

        Raises:
            AssertionError: If they do not; the message says how they differ, and where the picture is.
            UsageError: If no image size is known.
            MaskError: If one of them is no sound mask.
        """
        __tracebackhide__ = True
        self._calls += 1
        picture = self._folder / f"masks-{self._calls}.png"
        try:
            assert_masks_equal(expected, actual, iou=iou, image_size=image_size, holes_matter=holes_matter)
        except AssertionError:
            self._folder.mkdir(parents=True, exist_ok=True)
        else:
            return
        assert_masks_equal(
            expected, actual, iou=iou, image_size=image_size, holes_matter=holes_matter, difference=picture
        )
