from contextlib import redirect_stderr
from io import StringIO
from types import SimpleNamespace

from facexpr.training_bar import TrainingBar


def test_every_image_counts_once_in_whatever_order_batches_are_told():
    report = SimpleNamespace(items=0)
    bar = TrainingBar(2, 10, 4, report)
    logs = {"loss": 1.0, "accuracy": 0.25, "val_loss": 2.0, "val_accuracy": 0.125}
    with redirect_stderr(StringIO()):
        bar.on_epoch_begin(0)
        for batch in (1, 0):
            bar.on_train_batch_end(batch)
        bar.on_epoch_end(0, logs)
        bar.on_epoch_begin(1)
        bar.on_train_batch_end(2)  # of the epoch before, told late
        assert report.bar.n == 10
        assert report.bar.total == 20
    assert report.items == 10


def test_a_run_that_goes_on_begins_where_it_stands():
    report, said = SimpleNamespace(items=0), StringIO()
    bar = TrainingBar(3, 10, 4, report)
    with redirect_stderr(said):
        bar.on_epoch_begin(2)
        assert report.bar.n == 20
        report.bar.close()
