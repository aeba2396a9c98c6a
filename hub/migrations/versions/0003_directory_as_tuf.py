"""The directory as TUF metadata."""

import sqlalchemy as sa
from alembic import op

from hub.errors import FoundingError

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    if op.get_bind().scalar(sa.text('SELECT count(*) FROM directory_version')):
        raise FoundingError('this hub was founded by Simpul 0.1, whose directory had another form: found it anew')
    op.drop_table('directory_version')
    op.create_table('directory_version',
    sa.Column('version', BIG, autoincrement=False, nullable=False),
    sa.Column('leaf_index', BIG, nullable=False),
    sa.Column('expires', BIG, nullable=False),
    sa.Column('raw', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['leaf_index'], ['log_leaf.leaf_index'], name=op.f('fk_directory_version_leaf_index_log_leaf')),
    sa.PrimaryKeyConstraint('version', name=op.f('pk_directory_version')),
    sa.UniqueConstraint('leaf_index', name=op.f('uq_directory_version_leaf_index'))
    )
    op.create_table('directory_file',
    sa.Column('h', sa.LargeBinary(length=32), nullable=False),
    sa.Column('path', sa.String(length=80), nullable=False),
    sa.Column('raw', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('h', name=op.f('pk_directory_file'))
    )
    op.create_table('directory_metadata',
    sa.Column('role', sa.String(length=16), nullable=False),
    sa.Column('version', BIG, autoincrement=False, nullable=False),
    sa.Column('expires', BIG, nullable=False),
    sa.Column('raw', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('role', 'version', name=op.f('pk_directory_metadata'))
    )


def downgrade() -> None:
    raise FoundingError('there is no way back to the directory of Simpul 0.1: restore the backup of that time')
