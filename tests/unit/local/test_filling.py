from fabmarket.local.filling import Places, operator_settings


def test_an_address_with_the_digits_of_the_templates_port_is_left_whole():
    """One founder in 1,800 had no market: its agents refused their own settings."""
    founder = "0x99100d4D43C63bAD5b9541767db08bEA81E3eA28"
    places = Places("http://127.0.0.1:8545", 31337, founder, founder, founder, founder, 0, 600)
    text = operator_settings(places, 25628)
    assert f'founder = "{founder}"' in text
    assert 'listen = "127.0.0.1:25628"' in text


def test_several_nodes_are_several_urls():
    urls = "http://10.77.0.10:8545,http://10.77.0.11:8545"
    places = Places(urls, 31337, "0xe", "0xt", "0xb", "0xf", 0, 600)
    text = operator_settings(places, 25628)
    assert 'urls = ["http://10.77.0.10:8545", "http://10.77.0.11:8545"]' in text
