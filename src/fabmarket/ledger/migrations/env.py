"""What Alembic runs: the migrations, within the transaction that it is given."""

from alembic import context

from fabmarket.ledger.schema import METADATA, version

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=version.name,
)
context.run_migrations()
