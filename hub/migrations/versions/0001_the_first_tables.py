"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('auditor',
    sa.Column('name', sa.String(length=63), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('made_at', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_auditor')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_auditor_token_hash'))
    )
    op.create_table('box_head',
    sa.Column('party', sa.String(length=63), nullable=False),
    sa.Column('inbox', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('sent', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.PrimaryKeyConstraint('party', name=op.f('pk_box_head'))
    )
    op.create_table('link_head',
    sa.Column('sender', sa.String(length=63), nullable=False),
    sa.Column('recipient', sa.String(length=63), nullable=False),
    sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.PrimaryKeyConstraint('sender', 'recipient', name=op.f('pk_link_head'))
    )
    op.create_table('log_head',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('size', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('root', sa.LargeBinary(length=32), nullable=False),
    sa.Column('frontier', sa.LargeBinary(), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('signed_at', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_log_head'))
    )
    op.create_table('log_leaf',
    sa.Column('leaf_index', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('leaf', sa.LargeBinary(), nullable=False),
    sa.Column('slot', sa.String(length=22), nullable=True),
    sa.PrimaryKeyConstraint('leaf_index', name=op.f('pk_log_leaf')),
    sa.UniqueConstraint('slot', name=op.f('uq_log_leaf_slot'))
    )
    op.create_table('log_tile',
    sa.Column('level', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('n', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('hashes', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('level', 'n', name=op.f('pk_log_tile'))
    )
    op.create_table('member_state',
    sa.Column('member', sa.String(length=63), nullable=False),
    sa.Column('inc', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('ctr', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('request', sa.LargeBinary(length=32), nullable=False),
    sa.Column('inbox', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('floor', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('seen_size', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('seen_root', sa.LargeBinary(length=32), nullable=False),
    sa.Column('last_contact', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.PrimaryKeyConstraint('member', name=op.f('pk_member_state'))
    )
    op.create_table('directory_version',
    sa.Column('version', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('leaf_index', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('raw', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['leaf_index'], ['log_leaf.leaf_index'], name=op.f('fk_directory_version_leaf_index_log_leaf')),
    sa.PrimaryKeyConstraint('version', name=op.f('pk_directory_version')),
    sa.UniqueConstraint('leaf_index', name=op.f('uq_directory_version_leaf_index'))
    )
    op.create_table('entry',
    sa.Column('leaf_index', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('h', sa.LargeBinary(length=32), nullable=False),
    sa.Column('id', sa.String(length=22), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('sender', sa.String(length=63), nullable=False),
    sa.Column('recipient', sa.String(length=63), nullable=False),
    sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('inc', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('ref', sa.String(length=22), nullable=True),
    sa.Column('re', sa.String(length=22), nullable=True),
    sa.Column('answer_slot', sa.String(length=22), nullable=True),
    sa.Column('sent_pos', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('inbox_pos', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('received_at', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('jws', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['leaf_index'], ['log_leaf.leaf_index'], name=op.f('fk_entry_leaf_index_log_leaf')),
    sa.PrimaryKeyConstraint('leaf_index', name=op.f('pk_entry')),
    sa.UniqueConstraint('answer_slot', name=op.f('uq_entry_answer_slot')),
    sa.UniqueConstraint('h', name=op.f('uq_entry_h')),
    sa.UniqueConstraint('id', name=op.f('uq_entry_id')),
    sa.UniqueConstraint('recipient', 'inbox_pos', name=op.f('uq_entry_recipient_inbox_pos')),
    sa.UniqueConstraint('sender', 'recipient', 'seq', name=op.f('uq_entry_sender_recipient_seq')),
    sa.UniqueConstraint('sender', 'sent_pos', name=op.f('uq_entry_sender_sent_pos'))
    )
    with op.batch_alter_table('entry', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_entry_re'), ['re'], unique=False)

    op.create_table('part',
    sa.Column('entry_index', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('purpose', sa.String(length=16), nullable=False),
    sa.Column('id', sa.String(length=43), nullable=False),
    sa.Column('bytes_count', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['entry_index'], ['entry.leaf_index'], name=op.f('fk_part_entry_index_entry')),
    sa.PrimaryKeyConstraint('entry_index', 'purpose', name=op.f('pk_part'))
    )
    with op.batch_alter_table('part', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_part_id'), ['id'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('part', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_part_id'))

    op.drop_table('part')
    with op.batch_alter_table('entry', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_entry_re'))

    op.drop_table('entry')
    op.drop_table('directory_version')
    op.drop_table('member_state')
    op.drop_table('log_tile')
    op.drop_table('log_leaf')
    op.drop_table('log_head')
    op.drop_table('link_head')
    op.drop_table('box_head')
    op.drop_table('auditor')
