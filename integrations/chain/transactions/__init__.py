"""Transactions from our executor accounts: each is mined exactly once, whatever dies in between, or a person is asked.

reserve the nonce → commit → sign → store the bytes → commit → broadcast → wait → mined → final.
A crash anywhere goes on from the stored row: the same bytes again, never another nonce.
"""
