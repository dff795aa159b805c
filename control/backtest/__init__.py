"""Back-tests: any rule set over recorded history, in virtual time, before it wakes anyone."""
