"""The storefront's events, a partition a day, and what ingest keeps beside them.

Django cannot make a partitioned table: the SQL makes it, and Django knows it as if it had. Columns stand in the order
that wastes no space. Tallies are updated all day: room in their pages keeps the updates off the index.
"""

import core.clock
import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models

PARTITIONED = """
CREATE TABLE events_storefrontevent (
    merchant_id bigint NOT NULL,
    received_at timestamptz NOT NULL,
    number bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    is_bot boolean NOT NULL,
    name varchar(64) NOT NULL,
    page varchar(64) NOT NULL,
    visitor_key varchar(64) NOT NULL,
    data jsonb NOT NULL,
    PRIMARY KEY (merchant_id, received_at, number)
) PARTITION BY RANGE (received_at)
"""

STOREFRONT_EVENT = migrations.CreateModel(
    name='StorefrontEvent',
    fields=[
        ('pk', models.CompositePrimaryKey('merchant', 'received_at', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
        ('received_at', models.DateTimeField(verbose_name='received')),
        ('number', models.BigIntegerField(verbose_name='number')),
        ('occurred_at', models.DateTimeField(verbose_name='occurred')),
        ('is_bot', models.BooleanField(verbose_name='bot')),
        ('name', models.CharField(max_length=64, verbose_name='name')),
        ('page', models.CharField(blank=True, max_length=64, verbose_name='page')),
        ('visitor_key', models.CharField(blank=True, max_length=64, verbose_name='visitor')),
        ('data', models.JSONField(verbose_name='data')),
        ('merchant', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='storefront_events', to='core.merchant', verbose_name='store')),
    ],
    options={
        'verbose_name': 'storefront event',
        'verbose_name_plural': 'storefront events',
    },
    managers=[
        ('unscoped', django.db.models.manager.Manager()),
    ],
)


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0004_from_salla'),
        ('events', '0002_append_only'),
    ]

    operations = [
        migrations.CreateModel(
            name='StreamCursor',
            fields=[
                ('shard', models.PositiveSmallIntegerField(primary_key=True, serialize=False, verbose_name='stream')),
                ('position', models.CharField(default='0-0', max_length=41, verbose_name='position')),
            ],
            options={
                'verbose_name': 'place in a stream',
                'verbose_name_plural': 'places in streams',
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(PARTITIONED, 'DROP TABLE events_storefrontevent')],
            state_operations=[STOREFRONT_EVENT],
        ),
        migrations.CreateModel(
            name='BadBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('processed', 'Processed'), ('ignored', 'Ignored'), ('dead', 'Dead')], default='waiting', max_length=10, verbose_name='state')),
                ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='attempts')),
                ('due_at', models.DateTimeField(default=core.clock.now, verbose_name='due')),
                ('reason', models.CharField(blank=True, max_length=500, verbose_name='reason')),
                ('shard', models.PositiveSmallIntegerField(verbose_name='stream')),
                ('position', models.CharField(max_length=41, verbose_name='position')),
                ('body', models.BinaryField(null=True, verbose_name='body')),
                ('set_aside_at', models.DateTimeField(default=core.clock.now, verbose_name='set aside')),
                ('merchant', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='bad_batches', to='core.merchant', verbose_name='store')),
            ],
            options={
                'verbose_name': 'bad batch',
                'verbose_name_plural': 'bad batches',
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('state', 'waiting')), fields=['due_at'], name='events_badbatch_due')],
                'constraints': [models.UniqueConstraint(fields=('shard', 'position'), name='events_bad_batch_once')],
            },
        ),
        migrations.CreateModel(
            name='Tally',
            fields=[
                ('pk', models.CompositePrimaryKey('merchant', 'period', 'name', 'dimension', 'starts_at', blank=True, editable=False, primary_key=True, serialize=False)),
                ('period', models.CharField(choices=[('hour', 'Hour'), ('day', 'Day')], max_length=4, verbose_name='period')),
                ('name', models.CharField(max_length=64, verbose_name='name')),
                ('dimension', models.CharField(blank=True, max_length=128, verbose_name='dimension')),
                ('starts_at', models.DateTimeField(verbose_name='starts')),
                ('count', models.BigIntegerField(default=0, verbose_name='count')),
                ('amount', models.DecimalField(decimal_places=2, default=0, max_digits=16, verbose_name='amount')),
                ('sketch', models.BinaryField(null=True)),
                ('merchant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tallies', to='core.merchant', verbose_name='store')),
            ],
            options={
                'verbose_name': 'tally',
                'verbose_name_plural': 'tallies',
                'indexes': [models.Index(condition=models.Q(('period', 'hour')), fields=['starts_at'], name='events_tally_old_hours')],
            },
            managers=[
                ('unscoped', django.db.models.manager.Manager()),
            ],
        ),
        migrations.RunSQL('ALTER TABLE events_tally SET (fillfactor = 80)', migrations.RunSQL.noop),
    ]
