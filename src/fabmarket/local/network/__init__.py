"""A consortium chain on this machine: validators that are processes of their own, and their owners.

Who validates, who may deploy and send, and what gas costs is what the contract `Consortium` says;
see the decision on seats in a contract.
"""
