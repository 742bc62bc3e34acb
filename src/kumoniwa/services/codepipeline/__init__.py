"""CodePipeline: what was put at the source goes through stages, in this region and in others.

``declaration`` says what a pipeline may look like, ``pipeline`` keeps them, ``execution`` keeps how far each run has come and answers
questions about it, ``running`` moves runs on, ``action`` and ``stack`` do the work of stages, ``artifact`` carries files between them,
``source`` notices that there is something new.
"""
