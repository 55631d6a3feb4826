"""Files of what was counted, and what each mistake in one is answered."""

import pytest

from fabmarket.node.counts import BadCounts, Count, read_counts


def test_slots_and_quantities_are_read_in_the_order_of_the_file():
    text = "\ufeffslot , quantity\r\n3,10\r\n\r\n 2 ,0\r\n"
    assert read_counts(text, "f") == [Count(3, 10), Count(2, 0)]


def test_columns_stand_in_any_order():
    text = "quantity,resource,slot,supplier\n7,mill,1,0xab\n"
    assert read_counts(text, "f") == [Count(1, 7, "0xab", "mill")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"^f: the first line is ''; write slot,quantity or"),
        ("slot\n1\n", "the first line is 'slot'"),
        ("slot,quantity,price\n1,2,3\n", "the first line is 'slot,quantity,price'"),
        ("slot,quantity,slot\n1,2,3\n", "the first line is"),
        ("slot,quantity\n", "^f: there is no line below the header"),
        ("slot,quantity\n1\n", "^f: line 2 has 1 cells, not 2"),
        ("slot,quantity\n1,-2\n", "^f: line 2: quantity is '-2'; write a whole number from 0 to"),
        ("slot,quantity\n1,2.5\n", "line 2: quantity is '2.5'"),
        ("slot,quantity\n1,18446744073709551615\n", "line 2: quantity is"),
        ("slot,quantity\n\u0661,2\n", "line 2: slot is"),
        ("slot,quantity\n1,2\n1,2\n", "^f: slot 1 is counted twice"),
        ('slot,quantity\n"1,2\n', "is no CSV"),
    ],
)
def test_what_is_no_file_of_counts_is_refused(text, said):
    with pytest.raises(BadCounts, match=said):
        read_counts(text, "f")
