"""An owner at its pages, without scripts: what it sees, and the forms that it sends."""

import re

from fabmarket.node.entry import token_of


class Browser:
    """An owner in a browser without scripts: it keeps cookies and says where forms come from."""

    def __init__(self, office, client):
        self.office, self.client = office, client
        self.origin = str(client.base_url).rstrip("/")
        entered = client.post(
            "/enter", data={"token": token_of(office.folder)}, headers={"Origin": self.origin}
        )
        assert entered.status_code == 303

    def page(self, path, status=200):
        answer = self.client.get(path)
        assert (path, answer.status_code) == (path, status), answer.text
        assert answer.headers["content-type"].startswith("text/html")
        return answer.text

    def send(self, page, verb, **fields):
        """Fill in the form of a verb on a page, and return what that leads to."""
        hidden = self._hidden(self.page(page), verb)
        return self.client.post(page, data={**hidden, **fields}, headers={"Origin": self.origin})

    def asked(self, page, verb, **fields):
        """The page that asks once more before what cannot be taken back."""
        answer = self.send(page, verb, **fields)
        assert answer.status_code == 200, answer.text
        assert "This cannot be taken back" in answer.text
        return answer.text

    def ordered(self, page, verb, **fields):
        answer = self.send(page, verb, **fields)
        if answer.status_code == 200:  # it asks once more
            said = self._hidden(answer.text, verb)
            answer = self.client.post(page, data=said, headers={"Origin": self.origin})
        assert answer.status_code == 303, answer.text
        number = int(answer.headers["location"].removeprefix("/own/orders/"))
        assert f"Order {number}" in self.page(answer.headers["location"])
        return self.office.orders()[number - 1]

    @staticmethod
    def _hidden(text, verb):
        (form,) = (
            each
            for each in re.findall("<form.*?</form>", text, re.DOTALL)
            if f'name="verb" value="{verb}"' in each
        )
        return dict(re.findall('type="hidden" name="([a-z_]+)" value="([^"]*)"', form))


def column(text, title):
    """The cells of a column of the only table that has it."""
    (table,) = (
        each for each in re.findall("<table[^>]*>.*?</table>", text, re.DOTALL) if title in each
    )
    heads = re.findall('<th scope="col"[^>]*>(.*?)</th>', table)
    rows = re.findall("<tr><t[hd].*?</tr>", table.partition("<tbody>")[2], re.DOTALL)
    cells = [re.findall("<t[hd][^>]*>(.*?)</t[hd]>", each, re.DOTALL) for each in rows]
    return [row[heads.index(title)] for row in cells]
