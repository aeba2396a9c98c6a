"""Attachments too large for a bundle."""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('uploaded_part',
    sa.Column('id', sa.String(length=43), nullable=False),
    sa.Column('node', sa.String(length=63), nullable=False),
    sa.Column('bytes_count', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('named', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('id', 'node', name=op.f('pk_uploaded_part'))
    )
    with op.batch_alter_table('uploaded_part', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_uploaded_part_named'), ['named'], unique=False)

    op.create_table('named_file',
    sa.Column('entry_index', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('id', sa.String(length=43), nullable=False),
    sa.ForeignKeyConstraint(['entry_index'], ['entry.leaf_index'], name=op.f('fk_named_file_entry_index_entry')),
    sa.PrimaryKeyConstraint('entry_index', 'id', name=op.f('pk_named_file'))
    )
    with op.batch_alter_table('named_file', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_named_file_id'), ['id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('named_file', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_named_file_id'))

    op.drop_table('named_file')
    with op.batch_alter_table('uploaded_part', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_uploaded_part_named'))

    op.drop_table('uploaded_part')
