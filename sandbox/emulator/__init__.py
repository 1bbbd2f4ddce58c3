"""The laptop's AWS from inside: ministack, with what this project promises mended.

`python -m sandbox.emulator` runs in the environment .tools/sandbox, in a process of its own; see sandbox/aws.py.
Each mend is one small function that says what AWS does and what ministack does. The installed package is not
touched; its version is pinned, since the mends reach into it.
"""
