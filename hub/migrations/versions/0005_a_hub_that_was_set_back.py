"""A hub that was set back, and what it is given back."""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('hub_state',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('reason', sa.String(length=200), nullable=False),
    sa.Column('recovery', sa.String(length=22), nullable=False),
    sa.Column('since', BIG, nullable=False),
    sa.Column('restored_at', BIG, nullable=True),
    sa.Column('restored_to', BIG, nullable=True),
    sa.Column('frontier', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_hub_state'))
    )
    op.create_table('recovery_leaf',
    sa.Column('leaf_index', BIG, autoincrement=False, nullable=False),
    sa.Column('h', sa.LargeBinary(length=32), nullable=False),
    sa.Column('raw', sa.LargeBinary(), nullable=True),
    sa.Column('version', BIG, nullable=True),
    sa.Column('sender', sa.String(length=63), nullable=True),
    sa.Column('lacks', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('leaf_index', name=op.f('pk_recovery_leaf')),
    sa.UniqueConstraint('h', name=op.f('uq_recovery_leaf_h'))
    )
    op.create_table('recovery_part',
    sa.Column('id', sa.String(length=43), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_recovery_part'))
    )
    op.create_table('recovery_checkpoint',
    sa.Column('size', BIG, autoincrement=False, nullable=False),
    sa.Column('root', sa.LargeBinary(length=32), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('member', sa.String(length=63), nullable=False),
    sa.Column('at', BIG, nullable=False),
    sa.Column('contradicts', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('size', 'root', 'member', name=op.f('pk_recovery_checkpoint'))
    )
    op.create_table('recovery_member',
    sa.Column('member', sa.String(length=63), nullable=False),
    sa.Column('heard_at', BIG, nullable=True),
    sa.Column('waived_at', BIG, nullable=True),
    sa.PrimaryKeyConstraint('member', name=op.f('pk_recovery_member'))
    )


def downgrade() -> None:
    for name in ('recovery_member', 'recovery_checkpoint', 'recovery_part', 'recovery_leaf', 'hub_state'):
        op.drop_table(name)
