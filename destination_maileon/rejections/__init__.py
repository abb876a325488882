"""Why a record is not there."""
