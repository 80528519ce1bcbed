"""What scanners may look at beside the asset."""

from airegistry.core.known_names import KnownNames
from airegistry.core.ports import Surroundings

ALONE = Surroundings(KnownNames())
"""An empty catalog."""
