//! Leases.
//!
//! etcd's tools show these answers through structs of their own with the header's fields inside, so the JSON is flat,
//! and the protobuf form is the header alone.

use super::{Answer, Json, Page, ToJson, Unsupported, kv::padded_hex, line};
use crate::go::quote::quote;
use oxetcd_api::{
    LeaseId,
    etcdserverpb::{
        LeaseGrantResponse, LeaseKeepAliveResponse, LeaseLeasesResponse, LeaseRevokeResponse,
        LeaseTimeToLiveResponse, ResponseHeader,
    },
};
use prost::Message as _;

impl Page<'_> {
    fn lease_field(&mut self, id: LeaseId) {
        if self.hex {
            line!(self, "\"ID\" : {}", padded_hex(id));
        } else {
            line!(self, "\"ID\" : {id}");
        }
    }
}

fn flat_header(json: &mut Json<'_, '_>, header: Option<ResponseHeader>) {
    if let Some(header) = header {
        header.json_fields(json);
    }
}

fn header_bytes(header: Option<ResponseHeader>) -> Vec<u8> {
    header.map(|header| header.encode_to_vec()).unwrap_or_default()
}

impl Answer for LeaseGrantResponse {
    fn simple(&self, page: &mut Page<'_>) {
        line!(page, "lease {} granted with TTL({}s)", padded_hex(self.id), self.ttl);
    }

    fn fields(&self, page: &mut Page<'_>) -> Result<(), Unsupported> {
        page.header_fields(self.header.as_ref());
        page.lease_field(self.id);
        line!(page, "\"TTL\" : {}", self.ttl);
        Ok(())
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        json.object(|json| {
            flat_header(json, self.header);
            json.name("ID").plain(self.id);
            json.name("TTL").plain(self.ttl);
            json.name("Error").string(&self.error);
        });
        Ok(())
    }

    fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
        Ok(header_bytes(self.header))
    }
}

impl Answer for LeaseKeepAliveResponse {
    fn simple(&self, page: &mut Page<'_>) {
        line!(page, "lease {} keepalived with TTL({})", padded_hex(self.id), self.ttl);
    }

    fn fields(&self, page: &mut Page<'_>) -> Result<(), Unsupported> {
        page.header_fields(self.header.as_ref());
        page.lease_field(self.id);
        line!(page, "\"TTL\" : {}", self.ttl);
        Ok(())
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        json.object(|json| {
            flat_header(json, self.header);
            json.name("ID").plain(self.id);
            json.name("TTL").plain(self.ttl);
        });
        Ok(())
    }

    fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
        Ok(header_bytes(self.header))
    }
}

/// The end of a lease.
#[derive(Debug)]
pub struct LeaseRevoked {
    /// Which lease.
    pub id: LeaseId,
    /// What the server said.
    pub response: LeaseRevokeResponse,
}

impl Answer for LeaseRevoked {
    fn simple(&self, page: &mut Page<'_>) {
        line!(page, "lease {} revoked", padded_hex(self.id));
    }

    fn fields(&self, page: &mut Page<'_>) -> Result<(), Unsupported> {
        page.header_fields(self.response.header.as_ref());
        Ok(())
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        self.response.object(json);
        Ok(())
    }

    fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
        Ok(self.response.encode_to_vec())
    }
}

/// The time that a lease has left.
#[derive(Debug)]
pub struct TimeToLive {
    /// What the server said.
    pub response: LeaseTimeToLiveResponse,
    /// Whether its keys were asked for.
    pub keys: bool,
}

impl Answer for TimeToLive {
    fn simple(&self, page: &mut Page<'_>) {
        let response = &self.response;
        let id = padded_hex(response.id);
        if response.granted_ttl == 0 && response.ttl == -1 {
            line!(page, "lease {id} already expired");
            return;
        }
        let (granted, left) = (response.granted_ttl, response.ttl);
        page.print(format_args!("lease {id} granted with TTL({granted}s), remaining({left}s)"));
        if self.keys {
            page.bytes(b", attached keys([");
            page.bytes(&response.keys.join(&b' '));
            page.bytes(b"])");
        }
        page.bytes(b"\n");
    }

    fn fields(&self, page: &mut Page<'_>) -> Result<(), Unsupported> {
        page.header_fields(self.response.header.as_ref());
        page.lease_field(self.response.id);
        line!(page, "\"TTL\" : {}", self.response.ttl);
        line!(page, "\"GrantedTTL\" : {}", self.response.granted_ttl);
        for key in &self.response.keys {
            line!(page, "\"Key\" : {}", quote(key));
        }
        Ok(())
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        json.object(|json| {
            flat_header(json, self.response.header);
            json.name("id").plain(self.response.id);
            json.name("ttl").plain(self.response.ttl);
            json.name("granted-ttl").plain(self.response.granted_ttl);
            match &self.response.keys[..] {
                [] => json.name("keys").null(),
                keys => json.name("keys").list(keys, |json, key| json.bytes(key)),
            }
        });
        Ok(())
    }

    fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
        Ok(header_bytes(self.response.header))
    }
}

impl Answer for LeaseLeasesResponse {
    fn simple(&self, page: &mut Page<'_>) {
        line!(page, "found {} leases", self.leases.len());
        for lease in &self.leases {
            line!(page, "{}", padded_hex(lease.id));
        }
    }

    fn fields(&self, page: &mut Page<'_>) -> Result<(), Unsupported> {
        page.header_fields(self.header.as_ref());
        self.leases.iter().for_each(|lease| page.lease_field(lease.id));
        Ok(())
    }

    fn json(&self, json: &mut Json<'_, '_>) -> Result<(), Unsupported> {
        json.object(|json| {
            flat_header(json, self.header);
            json.name("leases").list(&self.leases, |json, lease| {
                json.object(|json| json.name("id").plain(lease.id));
            });
        });
        Ok(())
    }

    fn protobuf(&self) -> Result<Vec<u8>, Unsupported> {
        Ok(header_bytes(self.header))
    }
}
