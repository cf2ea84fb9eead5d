//! RSA keys of the library whose primes can be guessed (ROCA, CVE-2017-15361).

/// The odd primes whose residues give such a modulus away. The library made its primes so that the modulus is a
/// power of 65537 to each of them; of other moduli four in a billion are.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether a modulus, big-endian, was made by that library (Nemec et al., "The Return of Coppersmith's Attack", §2.2).
pub(crate) fn is_roca(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|prime| {
        let residue = modulus.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        let mut power = 1 % prime;
        for _ in 0..*prime {
            if power == residue {
                return true;
            }
            power = power * (65_537 % prime) % prime;
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_of_65537_is_one_and_its_neighbour_is_not() {
        // 65537² = 2³² + 2¹⁷ + 1.
        assert!(is_roca(&[1, 0, 2, 0, 1]));
        assert!(!is_roca(&[1, 0, 2, 0, 3]));
        assert!(!is_roca(&[0]));
    }
}
