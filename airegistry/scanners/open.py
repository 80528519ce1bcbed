"""The scanners that run at registration."""

from collections.abc import Sequence

from airegistry.core.ports import Scanner
from airegistry.scanners.annotations import Annotations
from airegistry.scanners.blobs import Blobs
from airegistry.scanners.cards import Cards
from airegistry.scanners.classifier import open_classifier
from airegistry.scanners.concealment import Concealment
from airegistry.scanners.cross_tool import CrossTool
from airegistry.scanners.drift import Drift
from airegistry.scanners.exfiltration import Exfiltration
from airegistry.scanners.flows import Flows
from airegistry.scanners.handover import Handover
from airegistry.scanners.hidden_unicode import HiddenUnicode
from airegistry.scanners.instructions import Instructions
from airegistry.scanners.names import NameScanner
from airegistry.scanners.parameters import Parameters
from airegistry.scanners.personas import Personas
from airegistry.scanners.purposes import Purposes
from airegistry.scanners.recipes import Recipes
from airegistry.scanners.safeguards import Safeguards
from airegistry.scanners.schemas import Schemas
from airegistry.scanners.secrets import Secrets
from airegistry.scanners.sizes import Sizes
from airegistry.scanners.skills import Skills
from airegistry.scanners.smuggling import Smuggling
from airegistry.scanners.steering import Steering
from airegistry.scanners.urls import Urls


def scanners_with(*, classifier: bool) -> Sequence[Scanner]:
    """The built-in scanners, and the classifier of an extra after them.

    Raises:
        Invalid: the extra is not installed.
    """
    return (*open_scanners(), open_classifier()) if classifier else open_scanners()


def open_scanners() -> Sequence[Scanner]:
    """The built-in scanners, in the order they run."""
    return (
        Sizes(),
        HiddenUnicode(),
        NameScanner(),
        Drift(),
        Concealment(),
        Instructions(),
        Safeguards(),
        Personas(),
        Exfiltration(),
        CrossTool(),
        Purposes(),
        Parameters(),
        Schemas(),
        Smuggling(),
        Handover(),
        Steering(),
        Urls(),
        Secrets(),
        Annotations(),
        Blobs(),
        Cards(),
        Recipes(),
        Flows(),
        Skills(),
    )
