//! Alarms.

use super::{Answer, Json, Page, ToJson, Unsupported, line};
use oxetcd_api::etcdserverpb::{AlarmMember, AlarmResponse};
use prost::Message as _;

/// An alarm as a text-format message: fields without a value are left out.
fn text_format(alarm: &AlarmMember) -> String {
    let mut parts = Vec::new();
    if alarm.member_id != 0 {
        parts.push(format!("memberID:{}", alarm.member_id));
    }
    if alarm.alarm != 0 {
        parts.push(format!("alarm:{}", name(alarm)));
    }
    parts.join(" ")
}

fn name(alarm: &AlarmMember) -> String {
    match oxetcd_api::etcdserverpb::AlarmType::try_from(alarm.alarm) {
        Ok(known) => known.as_str_name().to_owned(),
        Err(_) => alarm.alarm.to_string(),
    }
}

impl Answer for AlarmResponse {
    fn simple(&self, page: &mut Page<'_>) {
        for alarm in &self.alarms {
            line!(page, "{}", text_format(alarm));
        }
    }

    fn fields(&self, page: &mut Page<'_>) -> Result<(), Unsupported> {
        page.header_fields(self.header.as_ref());
        for alarm in &self.alarms {
            page.id_field("MemberID", alarm.member_id);
            line!(page, "\"AlarmType\" : {}\n", name(alarm));
        }
        Ok(())
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        self.object(json);
        Ok(())
    }

    fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
        Ok(self.encode_to_vec())
    }
}
