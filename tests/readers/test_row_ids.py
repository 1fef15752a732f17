"""Row ids are unique."""

from hypothesis import given
from hypothesis import strategies as st

from kto_data.readers.row_ids import RowIds


@given(
    st.lists(st.none() | st.sampled_from(["1", "2", "3", "1~2", "01", "a", "a~2", "a~3", "٣"]), max_size=30)
)
def test_no_two_rows_share_an_id(natives):
    ids = RowIds("s")
    taken = [ids.take(native, number) for number, native in enumerate(natives, start=1)]
    assert len(set(taken)) == len(taken)


def test_many_repetitions_take_linear_time():
    ids = RowIds("s")
    assert [ids.take("a", i) for i in range(1, 20_001)][-1] == "s#a~20000"
