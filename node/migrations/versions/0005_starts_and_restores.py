"""starts, restores and fences."""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

_INTEGER = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    with op.batch_alter_table('sync_state') as state:
        state.add_column(sa.Column('phase', sa.String(length=8), server_default='acting', nullable=False))
        state.add_column(sa.Column('phase_at', sa.BigInteger(), server_default='0', nullable=False))
        state.add_column(sa.Column('acted_at', sa.BigInteger(), nullable=True))
        state.add_column(sa.Column('fence_id', sa.String(length=22), nullable=True))
        state.add_column(sa.Column('floor', sa.BigInteger(), server_default='0', nullable=False))
        state.add_column(sa.Column('backup_at', sa.BigInteger(), nullable=True))
        state.add_column(sa.Column('restored_at', sa.BigInteger(), nullable=True))
        state.add_column(sa.Column('restored_to', sa.BigInteger(), nullable=True))
    with op.batch_alter_table('outbox') as outbox:
        outbox.add_column(sa.Column('replayed', sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table('case') as case:
        case.add_column(sa.Column('returns', _INTEGER, server_default='0', nullable=False))
    op.create_table('log_fence',
    sa.Column('node', sa.String(length=63), nullable=False),
    sa.Column('log_index', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('inc', _INTEGER, nullable=False),
    sa.PrimaryKeyConstraint('node', 'log_index', name=op.f('pk_log_fence'))
    )
    op.create_table('exported_request',
    sa.Column('h', sa.String(length=43), nullable=False),
    sa.Column('ctr', sa.BigInteger(), nullable=False),
    sa.Column('seen_size', sa.BigInteger(), nullable=False),
    sa.Column('seen_root', sa.String(length=43), nullable=False),
    sa.Column('made_at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('h', name=op.f('pk_exported_request'))
    )
    op.create_table('lost_case',
    sa.Column('case_id', sa.String(length=22), nullable=False),
    sa.Column('number', sa.String(length=32), nullable=True),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('offered_to', sa.String(length=63), nullable=True),
    sa.Column('found', sa.String(length=63), nullable=True),
    sa.PrimaryKeyConstraint('case_id', name=op.f('pk_lost_case'))
    )
    op.create_index(op.f('ix_lost_case_number'), 'lost_case', ['number'])


def downgrade() -> None:
    op.drop_index(op.f('ix_lost_case_number'), table_name='lost_case')
    op.drop_table('lost_case')
    op.drop_table('exported_request')
    op.drop_table('log_fence')
    with op.batch_alter_table('case') as case:
        case.drop_column('returns')
    with op.batch_alter_table('outbox') as outbox:
        outbox.drop_column('replayed')
    with op.batch_alter_table('sync_state') as state:
        for name in ('restored_to', 'restored_at', 'backup_at', 'floor', 'fence_id', 'acted_at', 'phase_at', 'phase'):
            state.drop_column(name)
