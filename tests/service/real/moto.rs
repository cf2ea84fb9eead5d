//! moto refuses nothing; its answers have AWS's shapes, and its passwords are born expired.

use super::parts::{Part, parts};
use super::standin::Address;
use crate::process::Site;

#[test]
fn what_is_born_expired_is_handed_on_and_never_held() {
    let Some(parts) = parts(Part::StandIns) else { return };
    let address = Address::new();
    let site = Site::with_aws(&address.url(), &address.url());
    let _moto = address.start(&parts, "moto", &site.issuer());
    let server = site.serve();
    for _ in 0..2 {
        let given = site.client(["credentials", "default/images", "--json"]).gives_json();
        assert_eq!(given["password"], "123456789012-auth-token");
        assert_eq!(given["expires_at"], "2015-01-01T00:00:00Z");
    }
    let log = server.log.so_far();
    let count = |words: &str| log.lines().filter(|line| line.contains(words)).count();
    assert_eq!(count("assume_role ok"), 2);
    assert_eq!(count("had ended already; it is handed on and not held"), 2);
}
