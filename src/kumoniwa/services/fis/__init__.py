"""AWS Fault Injection Service: experiments whose actions really break what they name.

``action.py`` says what each action does here, ``template.py`` what may be written, ``experiment.py`` how one runs; ``work.py``
carries the running ones on, also after the region came back.
"""
