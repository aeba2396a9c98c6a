"""An index of fences, and what is kept of equivocation."""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    fence = sa.text("kind = 'fence'")
    op.create_index('ix_entry_fence', 'entry', ['sender', 'inc'], sqlite_where=fence, postgresql_where=fence)
    op.create_table('equivocation',
    sa.Column('h', sa.LargeBinary(length=32), nullable=False),
    sa.Column('sender', sa.String(length=63), nullable=False),
    sa.Column('recipient', sa.String(length=63), nullable=False),
    sa.Column('seq', BIG, nullable=False),
    sa.Column('jws', sa.Text(), nullable=False),
    sa.Column('at', BIG, nullable=False),
    sa.PrimaryKeyConstraint('h', name=op.f('pk_equivocation')),
    sa.UniqueConstraint('sender', 'recipient', 'seq', name=op.f('uq_equivocation_sender_recipient_seq'))
    )


def downgrade() -> None:
    op.drop_table('equivocation')
    op.drop_index('ix_entry_fence', 'entry')
