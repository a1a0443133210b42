"""What a change would do, told to those who review it: gathered from preview, records and gate; written in five forms.

Nothing in here changes anything, and nothing that comes from outside is written without being defused.
"""
