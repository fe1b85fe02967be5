use ephor_lake::proof::{ActivityProof, PublicKey, SignedCheckpoint, check_consistency};
use sha2::{Digest, Sha256};

use super::*;

async fn signed(house: &House) -> SignedCheckpoint {
    house.app.appender().notarize().await.unwrap();
    house.app.lake().proof_log().latest_checkpoint().unwrap().unwrap()
}

#[tokio::test]
async fn a_witness_without_a_key_follows_the_log_by_checkpoints_tiles_and_consistency() {
    let house = House::open().await;
    assert_eq!(house.get("/ephor/v1/log/checkpoint", "").await.status, 404);
    house.store(&(0..300).map(|n| activity(n, "user_logged_out", "user_1", None)).collect::<Vec<_>>()).await;
    let first = signed(&house).await;
    house.store(&(300..310).map(|n| activity(n, "user_logged_out", "user_1", None)).collect::<Vec<_>>()).await;
    signed(&house).await;
    let served = house.get("/ephor/v1/log/checkpoint", "").await;
    let keys = house.get("/ephor/v1/log/keys", "").await.json();
    let key = PublicKey::parse(keys["data"][0]["key"].as_str().unwrap()).unwrap();
    let newest = SignedCheckpoint::open(&[key], keys["origin"].as_str().unwrap(), &served.text).unwrap();
    assert!(newest.size >= 310, "{newest:?}");

    let path = format!("/ephor/v1/log/consistency?from={}&to={}", first.size, newest.size);
    let proof = house.get(&path, "").await.json();
    let hashes: Vec<String> = serde_json::from_value(proof["path"].clone()).unwrap();
    check_consistency(&hashes, (newest.size, &newest.root), (first.size, &first.root)).unwrap();
    assert_eq!(house.get("/ephor/v1/log/consistency?from=5&to=999999", "").await.status, 400);

    let full = house.bytes("/ephor/v1/log/tile/0/000").await;
    let above = house.bytes("/ephor/v1/log/tile/1/000.p/1").await;
    assert_eq!((full.len(), above.len()), (256 * 32, 32));
    assert_eq!(folded(&full), above);
    for missing in ["0/000.p/0", "0/001", "1/000", "9/000", "x/000", "0/0"] {
        assert_eq!(house.get(&format!("/ephor/v1/log/tile/{missing}"), "").await.status, 404, "{missing}");
    }
}

/// The node above the hashes of a tile, by RFC 6962 and nothing of ours.
fn folded(hashes: &[u8]) -> Vec<u8> {
    let mut level: Vec<Vec<u8>> = hashes.chunks(32).map(<[u8]>::to_vec).collect();
    while level.len() > 1 {
        let node = |pair: &[Vec<u8>]| Sha256::digest([&[1_u8][..], &pair[0], &pair[1]].concat()).to_vec();
        level = level.chunks(2).map(node).collect();
    }
    level.remove(0)
}

#[tokio::test]
async fn an_auditor_gets_proofs_that_hold_for_the_bytes_that_the_feed_serves() {
    let house = House::open().await;
    house.store(&(0..5).map(|n| activity(n, "user_logged_out", "user_1", None)).collect::<Vec<_>>()).await;
    let checkpoint = signed(&house).await;
    let path = "/ephor/v1/log/proofs?ids[]=activity_0003&ids[]=activity_none";
    let reader = house.key(&[Scope::ReadComplianceActivities]).await;
    assert_eq!(house.get(path, &reader).await.status, 403);
    let auditor = house.key(&[Scope::ReadEvidence]).await;
    let answer = house.get(path, &auditor).await.json();
    assert_eq!(answer["not_in_checkpoint"], json!(["activity_none"]));
    let proof: ActivityProof = serde_json::from_value(answer["data"][0].clone()).unwrap();
    let raw = house.app.lake().find("activity_0003").await.unwrap().unwrap();
    proof.check(raw.as_bytes(), &checkpoint.root).unwrap();
    assert_eq!(house.get("/ephor/v1/log/proofs", &auditor).await.status, 400);
    assert_eq!(house.get("/ephor/v1/log/seals", &auditor).await.json()["data"][0]["seal"]["from_seq"], 0);
    for path in ["/ephor/v1/log/removals", "/ephor/v1/log/time-stamps"] {
        assert_eq!(house.get(path, &auditor).await.json()["data"], json!([]));
    }
}
