"""letters of the same second in the order in which they came."""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

_INTEGER = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    with op.batch_alter_table('tracked_mail') as mail:
        mail.add_column(sa.Column('place', _INTEGER, server_default='0', nullable=False))


def downgrade() -> None:
    with op.batch_alter_table('tracked_mail') as mail:
        mail.drop_column('place')
