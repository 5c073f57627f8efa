"""A COCO file in the making: of masks from anywhere, and of whole COCO files whose ids may be the same."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import count
from typing import Any, Final

from sam3_contract.errors import UsageError
from sam3_contract.mask_files.values import SoundMask, Value
from sam3_contract.masks import area_of_run_lengths, box_of_run_lengths, rle_from_run_lengths
from sam3_contract.masks.json_files.records import id_of

__all__ = ["Dataset", "annotation_of"]

_REFERENCES: Final = frozenset({"image_id", "category_id"})


class _Entries:
    """The images or the categories of a COCO file, in order.

    Args:
        names: Fields of which one has to be there for entries of two files to be the same.
    """

    def __init__(self, *names: str) -> None:
        self.all: list[Any] = []
        self._names = names
        self._by_id: dict[int | str, dict[str, Any]] = {}
        self._numbers = count(1)

    def extend(self, entries: Any) -> dict[int | str, int]:
        """Add all entries of a file; one that an earlier file has too is not added again.

        Returns:
            New ids by those of the file, for entries whose id another one of an earlier file has.
        """
        new: dict[int | str, int] = {}
        ids = [_id_in(entry, "id") for entry in _list(entries)]
        in_file, own = set(ids), set[int | str]()
        for identity, entry in zip(ids, _list(entries), strict=True):
            known = None if identity is None or identity in own else self._by_id.get(identity)
            if known is not None and self._is_same(entry, known):
                continue
            if identity is not None and known is not None:
                entry["id"] = new[identity] = self._free_number(besides=in_file)
            self.all.append(entry)
            if identity is not None:
                own.add(new.get(identity, identity))
                self._by_id.setdefault(new.get(identity, identity), entry)
        return new

    def _is_same(self, entry: dict[str, Any], known: dict[str, Any]) -> bool:
        """Compare what two files say under one id; the sides of an image may have been added to the first."""
        named = any(isinstance(entry.get(name), str) for name in self._names)
        return named and all(key in known and known[key] == value for key, value in entry.items())

    def _free_number(self, *, besides: Collection[int | str | None]) -> int:
        return next(number for number in self._numbers if number not in self._by_id and number not in besides)

    def known(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Return the entry of this id, which is added if there is none."""
        if entry["id"] not in self._by_id:
            self.extend([entry])
        return self._by_id[entry["id"]]


def _id_in(entry: Any, key: str) -> int | str | None:
    return id_of(entry.get(key)) if isinstance(entry, dict) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


class Dataset:
    """A COCO file in the making: whole files keep all that they hold, other masks become annotations."""

    def __init__(self) -> None:
        self._rest: dict[str, Any] = {}
        self._images = _Entries("file_name", "coco_url")
        self._categories = _Entries("name")
        self._annotations: list[Any] = []
        self.n_new_ids = 0

    @property
    def n_annotations(self) -> int:
        """How many masks there are."""
        return len(self._annotations)

    def add_file(self, whole: dict[str, Any], value: Value, sound: Sequence[SoundMask]) -> None:
        """Add a COCO file, of which the masks are RLEs already, and complete what loaders need."""
        for kind, key, known in (
            ("images", "image_id", self._images),
            ("categories", "category_id", self._categories),
        ):
            new = known.extend(whole.get(kind))
            self.n_new_ids += len(new)
            for entry in whole["annotations"] if new else ():
                identity = _id_in(entry, key)
                if identity in new:
                    entry[key] = new[identity]
        self._rest = {**whole, **self._rest}
        # SA-1B describes its one image beside the annotations.
        image = whole.get("image")
        described = image if isinstance(image, dict) else {}
        default = described.get("image_id", value.line or 1)
        for mask in sound:
            entry = mask.found.entry
            for key, found in annotation_of(mask, default_image=default).items():
                if entry.get(key) is None or (key in _REFERENCES and id_of(entry[key]) is None):
                    entry[key] = found
            entry["segmentation"] = rle_from_run_lengths(mask.runs, size=mask.size)
            self._know(entry, mask, value, described)
        self._annotations += whole["annotations"]

    def add(self, annotation: dict[str, Any], mask: SoundMask, value: Value) -> None:
        """Add a mask of anything else."""
        self._annotations.append(annotation)
        self._know(annotation, mask, value, {})

    def as_json(self) -> dict[str, Any]:
        """Return the file, every annotation with an id of its own: loaders keep the last of two that share one."""
        ids = [_id_in(entry, "id") for entry in self._annotations]
        taken, seen = set(ids), set[int | str | None]()
        free = (number for number in count(1) if number not in taken)
        for place, (identity, entry) in enumerate(zip(ids, self._annotations, strict=True)):
            if isinstance(entry, dict) and (identity is None or identity in seen):
                self._annotations[place] = {"id": None, **entry} | {"id": next(free)}
                self.n_new_ids += entry.get("id") is not None
            seen.add(identity)
        return {
            **self._rest,
            "images": self._images.all,
            "annotations": self._annotations,
            "categories": self._categories.all,
        }

    def _know(self, entry: dict[str, Any], mask: SoundMask, value: Value, described: dict[str, Any]) -> None:
        height, width = mask.size
        image, category = id_of(entry["image_id"]), id_of(entry["category_id"])
        known = self._images.known({"id": image, **_named(described), "height": height, "width": width})
        size = (known.setdefault("height", height), known.setdefault("width", width))
        if size != mask.size:
            raise UsageError(f"{value.where}: masks of image {image!r} have sizes {size} and {mask.size}")
        self._categories.known({"id": category, "name": mask.found.concept or f"category {category}"})


def _named(described: dict[str, Any]) -> dict[str, Any]:
    return {"file_name": described["file_name"]} if isinstance(described.get("file_name"), str) else {}


def annotation_of(mask: SoundMask, *, default_image: int | str) -> dict[str, Any]:
    """Describe a mask as COCO does; what an annotation or a result says already stays."""
    entry = mask.found.entry
    image, category = id_of(entry.get("image_id")), id_of(entry.get("category_id"))
    annotation = {
        **(entry if "segmentation" in entry else {}),
        "image_id": default_image if image is None else image,
        "category_id": (mask.found.group or 0) + 1 if category is None else category,
        "segmentation": rle_from_run_lengths(mask.runs, size=mask.size),
        "bbox": entry.get("bbox") or list(box_of_run_lengths(mask.runs, height=mask.size[0])),
        "area": entry.get("area") or area_of_run_lengths(mask.runs),
    }
    if mask.found.confidence is None:
        return {**annotation, "iscrowd": entry.get("iscrowd") or 0}
    return {**annotation, "score": mask.found.confidence}
