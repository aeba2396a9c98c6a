"""attachments: ciphertexts on the disk, those still to be uploaded, and entries that wait for theirs."""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('stored_file',
    sa.Column('id', sa.String(length=43), nullable=False),
    sa.Column('case_id', sa.String(length=22), nullable=True),
    sa.Column('number', sa.String(length=32), nullable=True),
    sa.ForeignKeyConstraint(['case_id'], ['case.case_id'], name=op.f('fk_stored_file_case_id_case')),
    sa.ForeignKeyConstraint(['number'], ['tracked.number'], name=op.f('fk_stored_file_number_tracked')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stored_file'))
    )
    with op.batch_alter_table('stored_file', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_stored_file_case_id'), ['case_id'], unique=False)

    op.create_table('outbox_file',
    sa.Column('part_id', sa.String(length=43), nullable=False),
    sa.Column('entry_id', sa.String(length=22), nullable=False),
    sa.Column('length', sa.BigInteger(), nullable=False),
    sa.Column('uploaded', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['entry_id'], ['outbox.entry_id'], name=op.f('fk_outbox_file_entry_id_outbox')),
    sa.PrimaryKeyConstraint('part_id', name=op.f('pk_outbox_file'))
    )
    with op.batch_alter_table('outbox_file', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_outbox_file_entry_id'), ['entry_id'], unique=False)

    with op.batch_alter_table('inbox', schema=None) as batch_op:
        batch_op.add_column(sa.Column('waiting', sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.create_index(batch_op.f('ix_inbox_waiting'), ['waiting'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('inbox', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_inbox_waiting'))
        batch_op.drop_column('waiting')

    with op.batch_alter_table('outbox_file', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_outbox_file_entry_id'))

    op.drop_table('outbox_file')
    with op.batch_alter_table('stored_file', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_stored_file_case_id'))

    op.drop_table('stored_file')
