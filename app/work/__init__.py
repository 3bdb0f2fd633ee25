"""Leased background work, written once: claim, renew, release, complete, give up, and the sweep for what was left behind.

A type of work declares its rows and its step (`work_type`); `running` makes attempts, `lease` keeps them, `ending` decides
what becomes of one that went wrong, `sweep` takes over from workers that died. The statements are in `app.db.work`.
"""
