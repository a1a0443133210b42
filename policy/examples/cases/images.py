"""It is known what runs."""

from __future__ import annotations

from cases.parts import IMAGE, deployment, pod


def _runs(image: str) -> tuple[str, dict[str, object], dict[str, object]]:
    return deployment(pod({"image": image}))


_REPOSITORY, _, _DIGEST = IMAGE.partition(":1.2.3")

CASES = {
    "image-tag": {
        "pass": [_runs(IMAGE), _runs(f"{_REPOSITORY}{_DIGEST}")],
        "fail": [_runs(f"{_REPOSITORY}:latest"), _runs(_REPOSITORY), _runs("registry.example.com:5000/shop/app")],
    },
    "image-registry": {
        "pass": [_runs(IMAGE)],
        "fail": [_runs(f"docker.io/library/app:1.2.3{_DIGEST}"), _runs(f"registry.example.com/shopping/app{_DIGEST}")],
    },
    "image-digest": {"pass": [_runs(IMAGE)], "fail": [_runs(f"{_REPOSITORY}:1.2.3")]},
}
