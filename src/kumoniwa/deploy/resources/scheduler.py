"""AWS::Scheduler."""

from __future__ import annotations

from kumoniwa.deploy.resource import (
    ID,
    Call,
    Name,
    Reading,
    ResourceType,
    at,
    gone_tags,
    instant,
    p,
    same,
    seen,
    use,
)

_said = "Description FlexibleTimeWindow ScheduleExpression ScheduleExpressionTimezone State Target KmsKeyArn"
_dates = {"StartDate": use(instant, p.StartDate), "EndDate": use(instant, p.EndDate)}
_schedule = {"Name": ID, "GroupName": at(p.GroupName)}

_update = Call("scheduler:UpdateSchedule", _said, **_dates, **_schedule)
_update.handles_absence = True

Schedule = ResourceType(
    name=Name("Name", 64),
    create=Call("scheduler:CreateSchedule", f"Name GroupName {_said}", **_dates),
    id=p.Name,
    read=Call("scheduler:GetSchedule", **_schedule),
    update=(_update,),
    delete=Call("scheduler:DeleteSchedule", **_schedule),
    absent="ResourceNotFoundException",
    attributes={"Arn": seen.Arn},
    fixed="GroupName",
    drift=(Reading(same("Description FlexibleTimeWindow ScheduleExpression State", seen)),),
)

ScheduleGroup = ResourceType(
    name=Name("Name", 64),
    create=Call("scheduler:CreateScheduleGroup", "Name Tags"),
    id=p.Name,
    read=Call("scheduler:GetScheduleGroup", Name=ID),
    update=(
        Call("scheduler:UntagResource", ResourceArn=seen.Arn, TagKeys=gone_tags).when(gone_tags),
        Call("scheduler:TagResource", ResourceArn=seen.Arn, Tags=p.Tags).when(p.Tags),
    ),
    delete=Call("scheduler:DeleteScheduleGroup", Name=ID),
    absent="ResourceNotFoundException",
    attributes={
        "Arn": seen.Arn,
        "State": seen.State,
        "CreationDate": seen.CreationDate,
        "LastModificationDate": seen.LastModificationDate,
    },
)
