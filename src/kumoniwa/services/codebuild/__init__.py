"""CodeBuild: builds whose commands really run, on this machine.

``project`` says what is built and how, ``build`` keeps each build, ``running`` takes it through its phases, ``buildspec`` reads what to
do, ``place`` brings sources in and artifacts out, ``log`` keeps what was printed. Images are not run: the host stands for all of them.
"""
