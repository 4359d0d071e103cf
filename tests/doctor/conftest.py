"""The doctor's cast: a vault that a test may spoil."""

from tests.vault.conftest import own_vault as own_vault
