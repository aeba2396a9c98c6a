"""the directory as TUF metadata."""

import sqlalchemy as sa
from alembic import op

from node.settings import SettingsError

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().scalar(sa.text('SELECT count(*) FROM directory_version')):
        raise SettingsError('this node was made by Simpul 0.1, whose directory had another form: make it anew')
    op.drop_table('directory_version')
    op.create_table('directory_version',
    sa.Column('version', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('log_index', sa.BigInteger(), nullable=False),
    sa.Column('h', sa.String(length=43), nullable=False),
    sa.Column('raw', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('version', name=op.f('pk_directory_version'))
    )
    op.create_table('directory_root',
    sa.Column('version', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('raw', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('version', name=op.f('pk_directory_root'))
    )
    op.create_table('directory_file',
    sa.Column('h', sa.String(length=43), nullable=False),
    sa.Column('raw', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('h', name=op.f('pk_directory_file'))
    )
    op.create_table('directory_freshness',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('refreshed_at', sa.BigInteger(), nullable=False),
    sa.Column('until', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_directory_freshness'))
    )


def downgrade() -> None:
    raise SettingsError('there is no way back to the directory of Simpul 0.1: restore the backup of that time')
