"""What every HTML page of edgeq shares: one file that needs no network, from templates, with a policy for its scripts.

Everything foreign is escaped by Jinja. A Content-Security-Policy lets only the scripts run whose digests it names, so
that not even a name that slipped through could.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from edgeq.errors import MissingExtraError

_SHARED = "edgeq.report"
"""The package whose ``templates`` hold the base page, its parts, its style and the script that sorts tables."""


def require_packages() -> None:
    """Makes sure that a page can be rendered, before minutes are spent on what it shows.

    Raises:
        MissingExtraError: Jinja is not installed.
    """
    if find_spec("jinja2") is None:
        raise MissingExtraError("The HTML page's template engine", "report")


class Templates:
    """The templates of a package beside those that all pages share."""

    def __init__(self, package: str = _SHARED) -> None:
        """Finds them; nothing is read yet.

        Args:
            package: whose folder ``templates`` is looked into first.

        Raises:
            MissingExtraError: Jinja is not installed.
        """
        require_packages()
        import jinja2

        packages = dict.fromkeys((package, _SHARED))
        self._loader = jinja2.ChoiceLoader([jinja2.PackageLoader(name) for name in packages])
        self._environment = jinja2.Environment(
            loader=self._loader,
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def source(self, *names: str) -> str:
        """Files as they are, one after the other: what stands in the page must be what a digest was taken of."""
        return "".join(self._loader.get_source(self._environment, name)[0] for name in names)

    def page(
        self,
        template: str,
        *,
        subject: str,
        styles: Sequence[str] = (),
        scripts: Sequence[str],
        values: Mapping[str, Any],
    ) -> str:
        """A whole page, with a newline at its end.

        Args:
            template: that extends ``page.html``.
            subject: what the page is about. Its digest is the nonce, so that the same page has the same bytes.
            styles: names of style sheets beside the one that all pages share.
            scripts: texts, each an element of its own.
            values: of the template.
        """
        nonce = hashlib.sha256(subject.encode(errors="replace")).hexdigest()
        page = self._environment.get_template(template).render(
            values,
            policy=content_security_policy(nonce, scripts),
            nonce=nonce,
            style=self.source("page.css", *styles),
            scripts=scripts,
        )
        return page + "\n"


def content_security_policy(nonce: str, scripts: Sequence[str]) -> str:
    """A policy under which only these scripts run and nothing is fetched.

    Plotly makes style elements, for which the nonce is, and style attributes, which stay allowed: they can
    neither run nor fetch anything.
    """
    digests = " ".join(map(_digest, scripts))
    return (
        f"default-src 'none'; script-src {digests}; style-src-elem 'nonce-{nonce}'; "
        "style-src-attr 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"
