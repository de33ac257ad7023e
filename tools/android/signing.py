"""Signs the app with the user's debug key."""

from __future__ import annotations

from pathlib import Path

from tools.android.commands import java, run
from tools.android.sdk import LEAST_API, apksigner_jar, debug_key


def sign(unsigned: Path, signed: Path) -> None:
    """Signs an APK with all schemes that the API levels from the least one on look at: 1, 2 and 3.

    Args:
        unsigned: the APK.
        signed: the signed one to write.

    Raises:
        BuildError: it cannot be signed.
    """
    store, password = debug_key()
    options: list[object] = ["--ks", store, "--ks-pass", f"pass:{password}", "--min-sdk-version", LEAST_API]
    # The fourth writes a file of its own, for installing while the app is still being sent.
    options += [
        "--v1-signing-enabled",
        "true",
        "--v2-signing-enabled",
        "true",
        "--v3-signing-enabled",
        "true",
    ]
    options += ["--v4-signing-enabled", "false", "--out", signed, unsigned]
    run(java("-jar", apksigner_jar(), "sign", *options), what="signing")
